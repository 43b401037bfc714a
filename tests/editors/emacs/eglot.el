;;; eglot.el --- eglot in batch: accepts the completion entry at point  -*- lexical-binding: t -*-
;;; Commentary:
;; Loaded after eyes.el, dos.el and the recipe.
;;; Code:
;; eglot-ensure waits for the end of a command, which never comes in batch mode.
(find-file "shapes.py")
(run-hooks 'post-command-hook)
(eventually "eglot to run lowkey" #'eglot-current-server)
(wanted "the server" (plist-get (eglot--server-info (eglot-current-server)) :name) "lowkey")
(ok "eglot runs lowkey")

(below "shapes.py" "    def are")
(defun entries ()
  "The entries of completion at point."
  (pcase (eglot-completion-at-point)
    (`(,start ,_ ,table . ,properties)
     (let ((all (all-completions (buffer-substring-no-properties start (point)) table)))
       (and all (list start all properties))))))
(pcase-let* ((before (buffer-string))
             (`(,start ,all ,properties) (eventually "an entry" #'entries))
             (entry (car all)))
  (wanted "entries of a model" (length all) 1)
  (wanted "the start of the entry" (string-prefix-p "are" entry) t)
  ;; The way the completion list inserts it.
  (delete-region start (point))
  (insert entry)
  (funcall (plist-get properties :exit-function) entry 'finished)
  (let ((taken (substring (buffer-string) (- (length before) 3))))
    (wanted "the line" (string-prefix-p (substring-no-properties entry) taken) t)
    (wanted "the text before" (string-prefix-p (substring before 0 -3) (buffer-string)) t)
    (ok "the entry of completion at point, taken: %S" taken)))

;; eglot reconnects by itself, unless the server died at once. Output does not end `sleep-for'.
(let ((killed (jsonrpc--process (eglot-current-server))) another)
  (sleep-for (1+ eglot-autoreconnect))
  (signal-process killed 'KILL)
  (setq another (eventually "eglot to connect again"
                            (lambda ()
                              (let ((server (eglot-current-server)))
                                (and server (jsonrpc-running-p server)
                                     (not (eq (jsonrpc--process server) killed))
                                     (jsonrpc--process server))))))
  (goto-char (point-max))
  (unless (bolp) (insert "\n"))
  (insert "    def per")
  (eventually "an entry of another lowkey" #'entries)
  (ok "killed, started again, and completes again: process %d" (process-id another)))

;; One entry with several lines, of which it shows one.
(setq-default eglot-workspace-configuration `(:lowkey ,dos-settings))
(eglot-signal-didChangeConfiguration (eglot-current-server))
(visit-dos)
(run-hooks 'post-command-hook)
(eventually "eglot to run lowkey for the dos file" #'eglot-current-server)
(let ((before (text-of-buffer)))
  (pcase-let ((`(,start (,entry) ,properties) (eventually "an entry in a dos file" #'entries)))
    (delete-region start (point))
    (insert entry)
    (funcall (plist-get properties :exit-function) entry 'finished)
    (check-dos before
               (lambda ()
                 (eglot--signal-textDocument/didChange)
                 (let ((document (jsonrpc-request (eglot-current-server) :$/lowkey/document
                                                  (list :textDocument (eglot--TextDocumentIdentifier)))))
                   (list (plist-get document :fnv1a) (not (eq (plist-get document :desynced) :json-false))))))))

(find-file ".env")
(prog-mode)
(goto-char (point-max))
(insert "API_KEY")
(accept-process-output nil 1)
(wanted "an entry in a file of secrets" (entries) nil)
(ok "silence in a file of secrets")

(let ((process (jsonrpc--process (eglot-current-server))))
  (set-buffer "shapes.py")
  (set-buffer-modified-p nil)
  (eglot-shutdown-all)
  (eventually "lowkey to end" (lambda () (not (process-live-p process))))
  (ok "lowkey ended with status %d" (process-exit-status process))
  (wanted "its status" (process-exit-status process) 0))
;;; eglot.el ends here
