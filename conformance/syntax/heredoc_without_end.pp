$a = 1
$b = @(END)
  x
  y
