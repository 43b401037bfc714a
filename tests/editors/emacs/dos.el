;;; dos.el --- accepts several lines in a file with CR LF line ends  -*- lexical-binding: t -*-
;;; Commentary:
;; Loaded after eyes.el, for every client.  Emacs keeps line feeds in such a buffer and writes CR
;; LF.
;;; Code:
(defconst dos-settings '(:multiline "always" :suggestion_threshold "always" :time_budget_ms 60000)
  "Settings with which suggestions have several lines.")

(defun fingerprint (text)
  "FNV-1a of TEXT in UTF-8, 64 bits: what the server calls `fnv1a'."
  (let ((hash #xcbf29ce484222325))
    (seq-doseq (byte (encode-coding-string text 'utf-8-unix t))
      (setq hash (logand (* (logxor hash byte) #x100000001b3) #xffffffffffffffff)))
    (format "%016x" hash)))

(defun text-of-buffer ()
  "The whole text, without properties."
  (buffer-substring-no-properties (point-min) (point-max)))

(defun visit-dos ()
  "Visit the dos file, with an open block at its end."
  (find-file "dos.js")
  (wanted "the line ends of the file" (coding-system-eol-type buffer-file-coding-system) 1)
  ;; The file contains the accepted text and no additional line end.
  (setq-local require-final-newline nil)
  (goto-char (point-max))
  (insert "    f1 = "))

(defun check-dos (before of-server)
  "Check the text accepted after BEFORE.
OF-SERVER returns what the server has of the buffer: a list of its `fnv1a' and of t if it is desynced."
  (let* ((after (text-of-buffer))
         (taken (substring after (length before))))
    (wanted "the text before" (string-prefix-p before after) t)
    (wanted "several lines" (and (string-search "\n" (string-trim taken)) t) t)
    (wanted "a carriage return in the buffer" (string-search "\r" after) nil)
    (eventually "the server to have the text of the buffer"
                (lambda () (equal (funcall of-server) (list (fingerprint after) nil))))
    (save-buffer)
    (wanted "the file on disk"
            (with-temp-buffer
              (let ((coding-system-for-read 'utf-8-unix)) (insert-file-contents "dos.js"))
              (text-of-buffer))
            (string-replace "\n" "\r\n" after))
    (let ((print-escape-newlines t))
      (ok "several lines in a dos file, the same in the buffer, in the server and on disk: %S" taken))))
;;; dos.el ends here
