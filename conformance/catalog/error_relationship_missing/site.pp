notify { "a": require => Notify["gone"] }
