;;; eyes.el --- helpers that read and drive Emacs in the tests  -*- lexical-binding: t -*-
;;; Commentary:
;; Loaded before a configuration of editors/emacs/README.md, in batch and on a screen.
;;; Code:
(setq inhibit-startup-screen t make-backup-files nil auto-save-default nil create-lockfiles nil
      ring-bell-function #'ignore native-comp-jit-compilation nil native-comp-enable-subr-trampolines nil
      python-indent-guess-indent-offset nil
      ;; Questions that an interactive user answers once.
      lsp-auto-guess-root t lsp-enable-suggest-server-download nil
      eglot-sync-connect 10)

;; As in an installed package.
(load "lsp-mode-autoloads" nil t)

(defvar patience 60 "Seconds before a test fails.")

(defun eventually (what condition)
  "Wait until CONDITION returns non-nil, and return that value; name WHAT on failure."
  (let ((deadline (+ (float-time) patience)) value)
    (while (not (setq value (funcall condition)))
      (when (> (float-time) deadline)
        (message "FAIL: waited %d s in vain for %s" patience what)
        (message "the text then:\n%s" (buffer-string))
        (kill-emacs 1))
      (accept-process-output nil 0.05))
    value))

(defun ok (format &rest arguments)
  "Print a successful check: FORMAT and ARGUMENTS as for `format'."
  (princ (concat "ok   " (apply #'format format arguments) "\n")))

(defun wanted (what got expected)
  "Fail unless GOT equals EXPECTED; WHAT names the value."
  (unless (equal got expected)
    (message "FAIL: %s: %S, wanted %S" what got expected)
    (kill-emacs 1)))

(defun below (file typed)
  "Visit FILE and put TYPED on a new line at its end."
  (find-file file)
  (goto-char (point-max))
  (unless (bolp) (insert "\n"))
  (insert typed))
;;; eyes.el ends here
