$a = @(END)
line one
  line two ${x} \n
END
$b = 2
