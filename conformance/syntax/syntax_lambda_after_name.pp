foo |$x| { 1 }
