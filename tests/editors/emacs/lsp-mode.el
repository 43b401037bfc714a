;;; lsp-mode.el --- lsp-mode in batch: inline completion shown, accepted, removed  -*- lexical-binding: t -*-
;;; Commentary:
;; Loaded after eyes.el, dos.el and the recipe.
;;; Code:
(defun lowkey ()
  "The workspace of lowkey, once it is initialized."
  (seq-find (lambda (workspace)
              (and (eq (lsp--client-server-id (lsp--workspace-client workspace)) 'lowkey)
                   (eq (lsp--workspace-status workspace) 'initialized)))
            (lsp-workspaces)))

(find-file "shapes.py")
(lsp)
(eventually "lsp-mode to run lowkey" #'lowkey)
(wanted "inline completion" (and lsp-inline-completion-mode t) t)
(ok "lsp-mode runs lowkey and shows inline completions")

(defun ask ()
  "Request a completion at point; return the text shown after it."
  (lsp-on-change (point) (point) 0)
  (lsp--flush-delayed-changes)
  (lsp-inline-completion-display 'implicit)
  (when (overlayp lsp-inline-completion--overlay)
    (let* ((item (elt lsp-inline-completion--items lsp-inline-completion--current))
           (text (lsp:inline-completion-item-insert-text item)))
      (substring text (length (buffer-substring-no-properties (pos-bol) (point)))))))

(below "shapes.py" "    def are")
(let* ((before (buffer-substring-no-properties (point-min) (point-max)))
       (shown (eventually "ghost text" #'ask))
       (drawn (concat (overlay-get lsp-inline-completion--overlay 'display)
                      (overlay-get lsp-inline-completion--overlay 'after-string))))
  (wanted "the drawn text" (string-suffix-p shown (substring-no-properties drawn)) t)
  (lsp-inline-completion-cancel)
  (wanted "the overlay after C-g" lsp-inline-completion--overlay nil)
  (wanted "the text after C-g" (buffer-substring-no-properties (point-min) (point-max)) before)
  (ok "C-g removes it")
  (wanted "the same again" (eventually "ghost text" #'ask) shown)
  (lsp-inline-completion-accept)
  (wanted "the text" (buffer-substring-no-properties (point-min) (point-max)) (concat before shown))
  (ok "shown and taken: %S" shown))

;; A bracket after the cursor.
(below "shapes.py" "\n    def perimeter(self)")
(backward-char 1)
(eventually "ghost text inside a closed bracket" #'ask)
(lsp-inline-completion-accept)
(let ((line (buffer-substring-no-properties (pos-bol) (pos-eol))))
  (wanted "the typed text" (string-prefix-p "    def perimeter(self" line) t)
  (wanted "brackets" (seq-count (lambda (c) (eq c ?\()) line) (seq-count (lambda (c) (eq c ?\))) line))
  (ok "inside a closed bracket: %S" line))

;; Settings in the form in which lsp-mode sends them to a server.
(lsp-register-custom-settings
 (cl-loop for (key value) on dos-settings by #'cddr collect (list (format "lowkey.%s" (substring (symbol-name key) 1)) value)))
(with-lsp-workspace (lowkey) (lsp--set-configuration (lsp-configuration-section "lowkey")))
(visit-dos)
(lsp)
(eventually "lsp-mode to run lowkey for the dos file" #'lowkey)
(let ((before (text-of-buffer))
      (shown (eventually "ghost text of several lines"
                         (lambda ()
                           (when-let* ((shown (ask)))
                             (and (string-search "\n" (string-trim shown)) shown))))))
  (wanted "a carriage return in the drawn text"
          (string-search "\r" (overlay-get lsp-inline-completion--overlay 'after-string)) nil)
  (lsp-inline-completion-accept)
  (check-dos before
             (lambda ()
               (lsp--flush-delayed-changes)
               (let ((document (lsp-request "$/lowkey/document" (list :textDocument (lsp--text-document-identifier)))))
                 (list (lsp-get document :fnv1a) (and (lsp-get document :desynced) t))))))

(let ((process (lsp--workspace-cmd-proc (lowkey))))
  (set-buffer-modified-p nil)
  (lsp-workspace-shutdown (lowkey))
  (eventually "lowkey to end" (lambda () (not (process-live-p process))))
  ;; lsp-mode kills a server after it has answered `shutdown'.
  (ok "lowkey ended with its client"))
;;; lsp-mode.el ends here
