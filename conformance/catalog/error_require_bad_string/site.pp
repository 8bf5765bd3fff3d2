notify { "a": require => "nonsense" }
