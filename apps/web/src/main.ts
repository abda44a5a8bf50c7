import './styles/base.css';
import { startPage } from './platform/page';

startPage();
