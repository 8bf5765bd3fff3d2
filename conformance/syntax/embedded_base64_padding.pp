$a = @(END:base64)
  YWJjZA
  | END
