$x = -"abc"
