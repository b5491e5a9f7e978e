"""CSV and Parquet as chunks of Arrow tables, nothing lost. Knows no model and no score."""
