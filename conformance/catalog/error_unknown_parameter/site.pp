file { "/a": nonsense => 1 }
