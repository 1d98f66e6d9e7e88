//! All containers of a pod or task whose processes can be seen in a shared PID namespace.

mod listing;
mod name;
mod place;
mod rights;
