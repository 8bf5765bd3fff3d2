$a = @(END:base64)
  YWJj
  ZGVm
  | END
