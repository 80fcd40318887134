//! The real libraries against the scripted provider: what is recorded of their calls, in full.

mod genai;
mod langchain;
mod rig;
mod rig_transport;
mod support;
