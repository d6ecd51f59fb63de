//! Tells the Python room which interpreter it is built for.

fn main() {
    for name in ["Py_GIL_DISABLED", "Py_LIMITED_API", "PyPy", "GraalPy"] {
        println!("cargo::rustc-check-cfg=cfg({name})");
    }
    #[cfg(feature = "python")]
    pyo3_build_config::use_pyo3_cfgs();
}
