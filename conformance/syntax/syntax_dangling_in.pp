$x = in $y
