$a = @("END")
  one
  two ${x y}
  | END
