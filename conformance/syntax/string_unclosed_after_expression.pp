$a = "x ${ y } z
