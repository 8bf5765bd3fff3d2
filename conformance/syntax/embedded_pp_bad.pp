$a = @(END:pp)
  $b = 
  | END
