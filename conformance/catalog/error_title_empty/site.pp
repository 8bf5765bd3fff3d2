notify { "": }
