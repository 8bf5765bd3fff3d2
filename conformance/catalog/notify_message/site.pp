notify { "hello": message => "world", withpath => true }
