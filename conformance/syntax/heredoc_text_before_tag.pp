$a = @(END)
  x
  this is the END
$b = 1
