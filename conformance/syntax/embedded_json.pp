$a = @(END:json)
  {"a": [1, null, true], "b": {}}
  | END
