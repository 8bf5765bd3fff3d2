$a = @(END:epp)
  <% 
  | END
