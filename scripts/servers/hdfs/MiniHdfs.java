import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hdfs.MiniDFSCluster;

/** One NameNode and one DataNode of real HDFS, below a folder, with WebHDFS on a port: `MiniHdfs FOLDER PORT`. */
public class MiniHdfs {
  public static void main(String[] words) throws Exception {
    Configuration settings = new Configuration();
    settings.set("hdfs.minidfs.basedir", words[0]);
    settings.setBoolean("dfs.permissions.enabled", true);
    settings.set("dfs.cluster.administrators", System.getProperty("user.name"));
    MiniDFSCluster cluster =
        new MiniDFSCluster.Builder(settings).numDataNodes(1).nameNodeHttpPort(Integer.parseInt(words[1])).build();
    cluster.waitActive();
    System.out.println("READY");
    // Ends with the standard input: no server outlives its test.
    while (System.in.read() >= 0) {}
    cluster.shutdown();
    System.exit(0);
  }
}
