;;; eyes.el --- what the tests see and do in an Emacs  -*- lexical-binding: t -*-
;;; Commentary:
;; Loaded before a configuration of editors/emacs/README.md, in batch and on a screen.
;;; Code:
(setq inhibit-startup-screen t make-backup-files nil auto-save-default nil create-lockfiles nil
      ring-bell-function #'ignore native-comp-jit-compilation nil native-comp-enable-subr-trampolines nil
      python-indent-guess-indent-offset nil
      ;; What an interactive user is asked once.
      lsp-auto-guess-root t lsp-enable-suggest-server-download nil
      eglot-sync-connect 10)

;; As an installed package has it.
(load "lsp-mode-autoloads" nil t)

(defvar patience 60 "Seconds until a test gives up.")

(defun eventually (what condition)
  "Wait until CONDITION gives something, and return that; WHAT is told when it never does."
  (let ((deadline (+ (float-time) patience)) value)
    (while (not (setq value (funcall condition)))
      (when (> (float-time) deadline)
        (message "FAIL: waited %d s in vain for %s" patience what)
        (message "the text then:\n%s" (buffer-string))
        (kill-emacs 1))
      (accept-process-output nil 0.05))
    value))

(defun ok (format &rest arguments)
  "Tell what was found to be so: FORMAT and ARGUMENTS as for `format'."
  (princ (concat "ok   " (apply #'format format arguments) "\n")))

(defun wanted (what got expected)
  "Fail unless GOT equals EXPECTED; WHAT says what they are."
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
