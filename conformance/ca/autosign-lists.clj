;; Asks the matching functions inside of an installed Puppet Server what each line of an autosign list signs, and
;; prints the answers as JSON:
;;
;;   cd /usr/share/java && java -Dfile.encoding=UTF-8 \
;;     -cp clojure.jar:schema.jar:$(echo *spec*alpha*.jar | tr ' ' :):/usr/share/puppetserver/puppetserver.jar \
;;     clojure.main .../conformance/ca/autosign-lists.clj > .../conformance/ca/autosign-lists.json
(ns oracle
  (:require [clojure.string :as str] [clojure.java.io :as io] [schema.core :as schema]))
(create-ns 'stub.log) (intern 'stub.log 'error (fn [& _])) (alias 'log 'stub.log)
(create-ns 'stub.i18n) (intern 'stub.i18n 'trs (fn [& _] "")) (alias 'i18n 'stub.i18n)

(let [source (java.io.PushbackReader. (io/reader (io/resource "puppetlabs/puppetserver/certificate_authority.clj")))
      wanted #{'glob-matches? 'line-matches? 'whitelist-matches?}]
  ;; The first form is the namespace with all that it needs; the functions wanted need none of it.
  (loop [form (read source false nil)]
    (when form
      (when (and (seq? form) (= 'schema/defn (first form)) (wanted (second form)))
        (binding [*ns* (the-ns 'oracle)] (eval form)))
      (recur (binding [*ns* (the-ns 'oracle)] (try (read {:read-cond :allow :eof nil} source) (catch Exception e (.println System/err e) nil)))))))

(def lists
  ["*" "*\n" "*." "**" "*x" "*foo" "*.dom" "*.dom." "*.dom.." "*..dom" "*.." "*.DOM" "*.Sub.DOM" "*part.dom" "*part.sub.dom"
   "a.dom" "A.dom" "a.dom." "a.*" "a*.dom" "mid.*.dom" "*.*" "*.*.dom" "*-x.dom" "*.x-.dom" "*.d*m"
   " a.dom" "a.dom " "a.dom\t" "\ta.dom" "*\t.dom" "*.dom\t" "# a.dom" "#a.dom" "a.dom#" "a.dom # why" "*.dom # why" "*.dom#"
   "" " " "\t" "a.dom\r\nb.dom\r\n" "a.dom\rb.dom" "# all:\n\n*.dom\n" "b.dom\n# x\na.dom" "a.dom\u000bb.dom" "a.dom\u0085b.dom"
   "a.dom\u2028b.dom" "\ufeffa.dom" "*.\u212aom" "*.\u0130" "." ".." "*.a.dom\n*partial.c" "dom" "*dom" "*dom." "*a." "*.a" ".dom" "*.dom\u0000"
   "nöde.dom" "*.döm" "*.DÖM"])
(def names
  ["a" "dom" "a.dom" "b.dom" "a.b.dom" "xdom" "x" "foo" "sub.dom" "a.sub.dom" "x.part.dom" "xpart.dom" "part.dom" "a.dom." "dom."
   "mid.a.dom" "d.m" "kom" "a.kom" "c" "partial.c" "xpartial.c" "i" "a.i̇"])
(defn json [s]
  (str \" (apply str (map #(let [c (int %)] (cond (= c 34) "\\\"" (= c 92) "\\\\" (or (< c 32) (> c 126)) (format "\\u%04x" c) :else (str %))) s)) \"))
(def folder (io/file (System/getProperty "java.io.tmpdir") "autosign-lines"))
(io/make-parents (io/file folder "x"))
(println (str "{\"names\": [" (str/join ", " (map json names)) "],\n\"lists\": ["))
(doseq [[index text] (map-indexed vector lists)]
  (let [file (io/file folder "list")]
    (spit file text :encoding "UTF-8")
    (let [signed (filter #(whitelist-matches? (str file) %) names)]
      (println (str "  {\"list\": " (json text) ", \"signs\": [" (str/join ", " (map json signed)) "]}" (if (= (inc index) (count lists)) "" ","))))))
(println "]}")
