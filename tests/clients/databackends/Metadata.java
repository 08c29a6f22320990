import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

/** What tools ask of DatabaseMetaData over the common tables of tests/conformance, printed step by step. */
public class Metadata {
    static final String[] TABLES = {"groups", "items", "kids", "pairs", "parents", "things", "u", "w"};

    /** Some columns of each row, in the order in which the driver gives them. */
    static void show(String step, ResultSet r, String... columns) throws SQLException {
        List<String> rows = new ArrayList<>();
        while (r.next()) {
            List<String> row = new ArrayList<>();
            for (String c : columns) {
                row.add(r.getString(c));
            }
            rows.add(row.toString());
        }
        System.out.println(step + ": " + rows);
    }

    public static void main(String[] args) throws Exception {
        String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE") + "?sslmode=disable";
        try (Connection c = DriverManager.getConnection(url, System.getenv("PGUSER"), System.getenv("PGPASSWORD"))) {
            DatabaseMetaData m = c.getMetaData();
            System.out.println("product: " + m.getDatabaseProductName() + " " + m.getDatabaseMajorVersion());
            for (String t : TABLES) {
                show(t + " table", m.getTables(null, "public", t, new String[] {"TABLE"}), "TABLE_NAME", "TABLE_TYPE", "REMARKS");
                show(t + " columns", m.getColumns(null, "public", t, "%"), "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME", "COLUMN_SIZE", "DECIMAL_DIGITS", "NULLABLE", "COLUMN_DEF",
                    "ORDINAL_POSITION", "IS_AUTOINCREMENT", "IS_GENERATEDCOLUMN");
                show(t + " key", m.getPrimaryKeys(null, "public", t), "COLUMN_NAME", "KEY_SEQ");
                show(t + " unique indexes", m.getIndexInfo(null, "public", t, true, true), "COLUMN_NAME", "NON_UNIQUE", "ORDINAL_POSITION", "TYPE");
                show(t + " imported", m.getImportedKeys(null, "public", t), "PKTABLE_NAME", "PKCOLUMN_NAME", "FKCOLUMN_NAME", "UPDATE_RULE", "DELETE_RULE");
                show(t + " exported", m.getExportedKeys(null, "public", t), "FKTABLE_NAME", "FKCOLUMN_NAME");
                show(t + " row identifier", m.getBestRowIdentifier(null, "public", t, DatabaseMetaData.bestRowSession, true), "COLUMN_NAME");
                show(t + " privileges", m.getTablePrivileges(null, "public", t + "x"), "PRIVILEGE");
            }
            try (PreparedStatement s = c.prepareStatement("SELECT id, name, qty, price, ratio, flag, day, at FROM items WHERE id <= ? ORDER BY id")) {
                ResultSetMetaData r = s.getMetaData();
                for (int i = 1; i <= r.getColumnCount(); i++) {
                    System.out.println("described: " + r.getColumnName(i) + " " + r.getColumnTypeName(i) + " " + r.getColumnClassName(i) + " " + r.getPrecision(i) + " " + r.getScale(i)
                        + " " + r.isNullable(i));
                }
                for (int n = 1; n <= 7; n++) { // prepared at the server from the fifth on
                    s.setInt(1, n);
                    show("rows " + n, s.executeQuery(), "id", "name", "qty", "price", "ratio", "flag", "day", "at");
                }
            }
            c.setAutoCommit(false);
            try (PreparedStatement s = c.prepareStatement("SELECT oid, who, amount FROM sales ORDER BY oid")) {
                s.setFetchSize(7);
                show("fetched", s.executeQuery(), "oid", "who", "amount");
            }
            c.commit();
        }
    }
}
