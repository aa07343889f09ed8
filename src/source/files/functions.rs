//! Functions that people and models expect and DataFusion lacks or means otherwise.

use datafusion::prelude::SessionContext;

/// Functions that would tell where files lie or what runs here.
const UNWANTED: [&str; 4] = ["input_file_name", "file_row_index", "version", "arrow_metadata"];

/// Adds them to a context, and takes away what tells about the machine.
pub fn register(context: &SessionContext) {
    for name in UNWANTED {
        context.deregister_udf(name);
    }
}
