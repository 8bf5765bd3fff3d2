$a = @(one
@(END)
  x
  | END
