$a = @("END":json)
  {${x}
  | END
