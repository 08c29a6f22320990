import java.io.StringReader;
import java.io.StringWriter;
import java.sql.Array;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.ParameterMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.copy.CopyManager;

/** What a program does with pgjdbc, printed step by step; see psycopg/main.py. */
public class Main {
    static final boolean SCHEMAS = "1".equals(System.getenv("MODEL_SCHEMAS"));

    static String q(String text) {
        return SCHEMAS ? text.replaceAll("predict\\('(\\w+)'", "m_$1.predict('$1'") : text;
    }

    static void show(String step, Object value) {
        System.out.println(step + ": " + value);
    }

    static Connection connect(String... options) throws SQLException {
        Properties p = new Properties();
        p.setProperty("user", System.getenv("PGUSER"));
        p.setProperty("password", System.getenv("PGPASSWORD"));
        p.setProperty("sslmode", "disable");
        for (int i = 0; i + 1 < options.length; i += 2) {
            p.setProperty(options[i], options[i + 1]);
        }
        return DriverManager.getConnection(
            "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE"), p);
    }

    static List<List<String>> rows(ResultSet r) throws SQLException {
        List<List<String>> out = new ArrayList<>();
        int n = r.getMetaData().getColumnCount();
        while (r.next()) {
            List<String> row = new ArrayList<>();
            for (int i = 1; i <= n; i++) {
                row.add(r.getString(i));
            }
            out.add(row);
        }
        return out;
    }

    static void basics(Connection c) throws SQLException {
        try (Statement s = c.createStatement()) {
            ResultSet r = s.executeQuery(q("SELECT id, predict('double', k) AS p, predict('half', f), name FROM item ORDER BY id LIMIT 5"));
            ResultSetMetaData m = r.getMetaData();
            for (int i = 1; i <= m.getColumnCount(); i++) {
                show("column", m.getColumnLabel(i) + " " + m.getColumnTypeName(i) + " " + m.getColumnClassName(i) + " " + m.isNullable(i));
            }
            show("rows", rows(r));
            boolean result = s.execute(q("SELECT 1 AS a; SELECT predict('double', 4); SELECT 2 AS b"));
            while (result) {
                show("many", rows(s.getResultSet()));
                result = s.getMoreResults();
            }
        }
        DatabaseMetaData meta = c.getMetaData();
        show("product", meta.getDatabaseProductName());
        List<String> columns = new ArrayList<>();
        try (ResultSet r = meta.getColumns(null, "public", "item", "%")) {
            while (r.next()) {
                columns.add(r.getString("COLUMN_NAME") + " " + r.getString("TYPE_NAME") + " " + r.getString("NULLABLE"));
            }
        }
        show("columns", columns);
        try (ResultSet r = meta.getPrimaryKeys(null, "public", "item")) {
            show("key", r.next() ? r.getString("COLUMN_NAME") : "none");
        }
    }

    static void prepared(Connection c, boolean describes) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(q("SELECT predict('add', k, ?), predict('id_numeric', n), predict('id_timestamptz', tz), predict('id_float8s', af), predict('id_bool', yes), name FROM item WHERE id = ?"))) {
            if (describes) { // the simple protocol has no Describe
                ParameterMetaData pm = s.getParameterMetaData();
                show("parameters", pm.getParameterCount() + " " + pm.getParameterTypeName(1) + " " + pm.getParameterTypeName(2));
                ResultSetMetaData m = s.getMetaData();
                show("described", m.getColumnTypeName(1) + " " + m.getColumnTypeName(2) + " " + m.getColumnTypeName(4));
            }
            for (int i = 1; i <= 8; i++) {
                s.setInt(1, i);
                s.setInt(2, i);
                show("prepared " + i, rows(s.executeQuery()));
            }
        }
        try (PreparedStatement s = c.prepareStatement(q("SELECT predict('double', ?), predict('shout', ?), predict('half', ?), predict('wide', ?), predict('total', ?)"))) {
            for (int i = 0; i < 7; i++) {
                s.setInt(1, i);
                s.setString(2, "é" + i);
                s.setDouble(3, i / 3.0);
                s.setLong(4, 1L << 40);
                Array a = c.createArrayOf("float8", new Double[] {1.5, (double) i});
                s.setArray(5, a);
                ResultSet r = s.executeQuery();
                r.next();
                show("types " + i, r.getInt(1) + " " + r.getString(2) + " " + r.getDouble(3) + " " + r.getLong(4) + " " + r.getObject(5));
            }
            s.setNull(1, java.sql.Types.INTEGER);
            s.setNull(2, java.sql.Types.VARCHAR);
            s.setNull(3, java.sql.Types.DOUBLE);
            s.setNull(4, java.sql.Types.BIGINT);
            s.setNull(5, java.sql.Types.ARRAY);
            show("nulls", rows(s.executeQuery()));
        }
        try (PreparedStatement s = c.prepareStatement(q("SELECT id FROM item WHERE predict('double', k) = ? AND id < ? ORDER BY id"))) {
            s.setMaxRows(3);
            s.setInt(1, 6);
            s.setInt(2, 200);
            show("max rows", rows(s.executeQuery()));
        }
    }

    static void fetched(Connection c) throws SQLException {
        c.setAutoCommit(false);
        try (PreparedStatement s = c.prepareStatement(q("SELECT id, predict('double', k), name FROM item WHERE id <= ? ORDER BY id"))) {
            for (int round = 0; round < 6; round++) {
                s.setFetchSize(40);
                s.setInt(1, 333);
                long sum = 0;
                int n = 0;
                try (ResultSet r = s.executeQuery()) {
                    while (r.next()) {
                        sum += r.getInt(1) + r.getInt(2);
                        n++;
                    }
                }
                show("fetched", n + " " + sum);
            }
            try (ResultSet r = s.executeQuery()) {
                r.next();
                show("left early", r.getInt(2));
            }
        }
        c.commit();
        c.setAutoCommit(true);
    }

    static void transactions(Connection c) throws SQLException {
        c.setAutoCommit(false);
        try (Statement s = c.createStatement()) {
            s.executeUpdate("CREATE TEMP TABLE work (id int, p int)");
            s.executeUpdate("INSERT INTO work VALUES (1, 10)");
            show("inside", rows(s.executeQuery(q("SELECT predict('double', p) FROM work"))));
            Savepoint point = c.setSavepoint();
            try {
                s.executeQuery(q("SELECT predict('double', 1 / (p - 10)) FROM work"));
            } catch (SQLException e) {
                show("error", e.getSQLState());
            }
            c.rollback(point);
            show("after the savepoint", rows(s.executeQuery(q("SELECT predict('double', p) FROM work"))));
            try {
                s.executeQuery(q("SELECT predict('double', nocolumn) FROM item"));
            } catch (SQLException e) {
                show("error", e.getSQLState());
            }
            try {
                s.executeQuery(q("SELECT predict('double', 1)"));
            } catch (SQLException e) {
                show("failed", e.getSQLState());
            }
            c.rollback();
            show("after", rows(s.executeQuery(q("SELECT predict('double', 1)"))));
            c.commit();
        }
        c.setAutoCommit(true);
    }

    static void batch(Connection c) throws SQLException {
        try (Statement s = c.createStatement()) {
            s.executeUpdate("CREATE TEMP TABLE batched (id int, name text)");
        }
        try (PreparedStatement s = c.prepareStatement("INSERT INTO batched VALUES (?, ?)")) {
            for (int i = 0; i < 300; i++) {
                s.setInt(1, i);
                s.setString(2, "n" + i);
                s.addBatch();
            }
            show("batch", s.executeBatch().length);
        }
        try (Statement s = c.createStatement()) {
            show("over the batch", rows(s.executeQuery(q("SELECT id FROM batched WHERE predict('double', id) = 40"))));
        }
    }

    static void copies(Connection c) throws Exception {
        CopyManager copy = c.unwrap(PGConnection.class).getCopyAPI();
        try (Statement s = c.createStatement()) {
            s.executeUpdate("CREATE TEMP TABLE copied (id int, name text)");
        }
        show("copy in", copy.copyIn("COPY copied FROM STDIN", new StringReader("1\tone\n2\té\n3\t\\N\n")));
        StringWriter out = new StringWriter();
        show("copy out", copy.copyOut("COPY (SELECT * FROM copied ORDER BY id) TO STDOUT", out) + " " + out.toString().replace('\n', '|'));
        try (Statement s = c.createStatement()) {
            show("over the copy", rows(s.executeQuery(q("SELECT predict('double', id), predict('shout', name) FROM copied ORDER BY id"))));
            s.execute("LISTEN spoken");
            s.execute("NOTIFY spoken, 'hello'");
        }
        PGNotification[] heard = c.unwrap(PGConnection.class).getNotifications(5000);
        show("notify", heard == null ? "nothing" : heard[0].getName() + " " + heard[0].getParameter());
    }

    static void canceled(Connection c) throws Exception {
        try (Statement s = c.createStatement()) {
            s.setQueryTimeout(1);
            s.executeQuery("SELECT pg_sleep(30)");
        } catch (SQLException e) {
            show("canceled", e.getSQLState());
        }
        try (Statement s = c.createStatement()) {
            show("after the cancel", rows(s.executeQuery(q("SELECT predict('double', 1)"))));
        }
    }

    public static void main(String[] args) throws Exception {
        String[][] variants = {
            {}, {"prepareThreshold", "1"}, {"prepareThreshold", "-1"}, {"prepareThreshold", "0"}, {"preferQueryMode", "simple"},
            {"binaryTransfer", "false"}, {"prepareThreshold", "1", "defaultRowFetchSize", "7"}
        };
        for (String[] options : variants) {
            show("--- options", String.join(" ", options));
            try (Connection c = connect(options)) {
                basics(c);
                prepared(c, !List.of(options).contains("simple"));
                fetched(c);
                transactions(c);
                batch(c);
                copies(c);
            }
        }
        try (Connection c = connect()) {
            canceled(c);
        }
    }
}
