$a = @(END)
  x
  y
  |- END
$b = 1
