$x = /a
