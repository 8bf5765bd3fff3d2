class broken { notify { "x": 
