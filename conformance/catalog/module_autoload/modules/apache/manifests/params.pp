class apache::params { $user = "www" }
