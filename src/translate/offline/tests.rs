//! The translator as a whole, over small invented catalogs.
