class a inherits 'b' {}
