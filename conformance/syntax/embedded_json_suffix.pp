$a = @(END:data+json)
  {a}
  | END
