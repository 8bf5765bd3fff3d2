$x = Integer["a"]
