//! Functions that people and models expect and DataFusion lacks, or understands otherwise. Each is rewritten
//! into what DataFusion has; nothing here computes on rows but `mode` and `date_diff`.

mod dates;
mod mode;

use std::sync::Arc;

use datafusion::prelude::SessionContext;

/// Functions that would tell where files lie or what runs here.
const UNWANTED: [&str; 4] = ["input_file_name", "file_row_index", "version", "arrow_metadata"];

/// Adds them to a context, and takes away what tells about the machine.
pub fn register(context: &SessionContext) {
    for name in UNWANTED {
        context.deregister_udf(name);
    }
    for function in dates::all() {
        context.register_udf(function);
    }
    context.register_udaf(mode::function());
    // The same under the names of other databases.
    let scalar = |name: &str| context.state().scalar_functions().get(name).cloned();
    let aggregate = |name: &str| context.state().aggregate_functions().get(name).cloned();
    if let Some(signum) = scalar("signum") {
        context.register_udf(Arc::unwrap_or_clone(signum).with_aliases(["sign"]));
    }
    if let Some(ceil) = scalar("ceil") {
        context.register_udf(Arc::unwrap_or_clone(ceil).with_aliases(["ceiling"]));
    }
    if let Some(length) = scalar("character_length") {
        context.register_udf(Arc::unwrap_or_clone(length).with_aliases(["len"]));
    }
    if let Some(variance) = aggregate("var") {
        context.register_udaf(Arc::unwrap_or_clone(variance).with_aliases(["variance"]));
    }
}
