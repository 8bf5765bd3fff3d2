$a = @(END)
  x
  - END
$b = @(END)
  y
  END
