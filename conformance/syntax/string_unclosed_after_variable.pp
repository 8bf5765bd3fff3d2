$a = "x $y z
