//! What the model may see: ignore and secret rules, the window around the cursor.
