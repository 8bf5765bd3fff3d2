$a = @(END:pp)
  $b = 1
  | END
