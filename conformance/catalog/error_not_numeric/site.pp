$x = "abc" + 1
