nosuchtype { "x": }
