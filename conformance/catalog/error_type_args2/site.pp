$x = Array[1]
