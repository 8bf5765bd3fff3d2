realize Notify["gone"]
