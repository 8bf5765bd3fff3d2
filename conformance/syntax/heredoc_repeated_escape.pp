$a = @(END/tt)
  x
  | END
