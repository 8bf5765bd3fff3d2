$a = "${class} ${if} ${type} ${case[1]} ${default.foo} ${node}"
