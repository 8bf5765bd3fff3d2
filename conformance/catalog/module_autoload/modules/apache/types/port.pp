type Apache::Port = Integer[1, 65535]
