$a = @(END:1)
  x
  | END
